using System.Xml.Linq;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>Everything public has a doc comment, also where the compiler does not ask for it.</summary>
public sealed class DocumentationTests
{
    public static TheoryData<string> ProductProjects => [.. Product.ProductProjects];

    /// <summary>An assembly of the Orleans half that was not built is not looked at.</summary>
    [Theory]
    [MemberData(nameof(ProductProjects))]
    public void PublicTypeOrMember_HasADocComment(string project)
    {
        var assembly = Product.AssemblyOf(project);
        if (!File.Exists(assembly))
        {
            Assert.DoesNotContain(project, Product.Standalone);
            return;
        }

        Assert.Empty(Documentation.Undocumented(assembly, XDocument.Load(Path.ChangeExtension(assembly, ".xml"))));
    }

    [Fact]
    public void MissingDocComment_IsFound()
    {
        var assembly = Product.AssemblyOf("Noslate/Noslate.csproj");
        var undocumented = Documentation.Undocumented(assembly, new XDocument(new XElement("doc")));
        Assert.Contains("T:NoslateFleet.Noslate.Invocation.InvocationRequest", undocumented);
        Assert.Contains("M:NoslateFleet.Noslate.Invocation.InvocationRequest.Rent(System.String,System.String,System.String,System.String)", undocumented);
        Assert.Contains("P:NoslateFleet.Noslate.Invocation.InvocationCall.Headers", undocumented);
        Assert.Contains("M:NoslateFleet.Noslate.Invocation.InvocationCall.ReadAsync(System.Memory{System.Byte},System.Threading.CancellationToken)", undocumented);
        Assert.Contains("F:NoslateFleet.Noslate.Invocation.InvocationFailure.PlaneLost", undocumented);
    }
}
